"""Replay: dead letters through the pipeline again. `plan` → `chunk`, many at a time → `report`.

A letter's state lives in the letter; every change of it is a conditional write of the object it lies in.
"""
