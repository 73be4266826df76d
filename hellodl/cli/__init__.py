"""The command line: one file a command. Only here are click, rich and tqdm imported."""
