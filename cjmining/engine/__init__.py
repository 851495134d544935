"""Where blocks are worked on: threads of this machine."""
