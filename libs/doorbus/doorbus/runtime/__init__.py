"""What every service is run by: lifecycle, the bus, settings, logs, metrics and health. No rules of the door here."""
