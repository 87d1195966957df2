"""The public page of a share: a static page over the share's API."""
