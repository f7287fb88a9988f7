"""Job roles, account groups and legal entities, and what each person of a tenant has of them."""
