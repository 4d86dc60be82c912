"""Files in and out: areas and incidents of other systems, matters for a spreadsheet."""
