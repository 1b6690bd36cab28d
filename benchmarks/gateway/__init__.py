"""The gateway's data plane against HAProxy and nginx stream, on the same backend."""
