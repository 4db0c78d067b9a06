"""The codecs that can be converted, one file each: a file here whose ``CODEC`` is a :class:`~.codec.Codec` is found."""
