"""What a person reads: the report as plain data, its texts, its tables; safe to show."""
