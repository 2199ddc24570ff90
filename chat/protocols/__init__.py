"""One self-contained package per published protocol. They do not import each other; shared code is in chat.http and
below.
"""
