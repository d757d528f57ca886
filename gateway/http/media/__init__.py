"""Files over HTTP: tus 1.0 in, HLS and DASH out."""
