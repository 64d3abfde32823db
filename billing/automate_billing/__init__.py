"""Plans and usage of the hosted platform: what a workspace may use, what it has used, what happens at the limit."""
