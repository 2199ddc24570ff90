"""`python -m bench.attack`: a class that chats by all five protocols while others attack the server."""
