"""Call completion: a caller whose call failed is called back once the called party is free (CCBS, CCNR)."""
