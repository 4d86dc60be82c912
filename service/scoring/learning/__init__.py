"""The learner of escalation: any table of events in time → calibrated probabilities."""
