"""What all HTTP protocols share, and none of them decides: bodies, who is asking, origins, envelopes, held requests."""
