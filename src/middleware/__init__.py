"""What stands before every route: who asks, from where, how much, and how the reply is sealed."""
