"""How fast Bulkhead is beside what else one might write, measured in one run on one machine."""
