"""Events of jobs sent to subscribers, signed, at least once each."""
