"""A NOTIFY without a subscription: its content, and how it is sent."""
