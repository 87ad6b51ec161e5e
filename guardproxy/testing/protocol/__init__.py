"""Raw HTTP against a real proxy: what reaches the model, what the caller hears, and is the proxy alive afterwards."""
