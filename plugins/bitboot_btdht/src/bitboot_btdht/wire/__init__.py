"""What goes over the wire: bencoding, compact addresses, KRPC messages, node ids."""
