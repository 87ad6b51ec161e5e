"""The hall: owns HTTP and the upstream, walks the natural path."""
