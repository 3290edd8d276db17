"""Policies on the user's own history: when each would have retrained, and what that would have earned. Pure."""
