"""The agent: runs monitoring on its schedule and takes a release from candidate to settled champion, or back."""
