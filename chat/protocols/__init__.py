"""One sealed package per published protocol. None imports another; what they share is in chat.http and below."""
