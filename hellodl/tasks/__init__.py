"""Many tasks of one kind, over the processors of this machine or over a cluster; who dies costs little."""
