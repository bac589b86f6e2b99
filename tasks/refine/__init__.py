"""Refinements: videos planned, refined pass by pass, and measured."""
