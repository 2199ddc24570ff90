"""What Commonroom is compared with."""
