"""What mesibo tells us by itself: deliveries to the inbound webhook, read tolerantly. Pure."""
