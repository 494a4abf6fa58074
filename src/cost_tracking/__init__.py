"""What every call costs, whom it is charged to, and the budgets that hold it back."""
