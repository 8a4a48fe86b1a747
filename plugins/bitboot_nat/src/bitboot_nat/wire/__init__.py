"""What is said on the wire: bytes to messages and back, without sockets."""
