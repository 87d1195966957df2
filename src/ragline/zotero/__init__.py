"""Libraries of Zotero: followed over its web API, with reading notes written back."""
