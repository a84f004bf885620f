"""The methods of influence, a module each. May import what they work with from the room around it."""
