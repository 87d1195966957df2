"""What every HTTP exchange shares: problems and limits of bodies."""
