"""The parts Ragline does not own, behind one page of contracts."""
