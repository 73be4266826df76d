"""What hellodl asks of the operating system: whole files, locks, a second process, processors."""
