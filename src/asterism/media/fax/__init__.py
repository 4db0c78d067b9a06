"""Fax modems and T.30 by libspandsp, and the TIFF files of faxes; knows no channels."""
