"""What an explanation is and where it is kept: the one result type and its Zarr directory."""
