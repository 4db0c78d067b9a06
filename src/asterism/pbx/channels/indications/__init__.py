"""The tones of countries: ``indications.conf``, and what shows them."""
