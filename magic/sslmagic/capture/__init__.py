"""What is on the wire: captures in, TCP conversations out, and what is made of them."""
