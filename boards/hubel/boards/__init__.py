"""Development boards: platform, clock, link and flash recipe, one module a board."""
