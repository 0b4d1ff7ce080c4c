"""The pure core of policy: `door.step` and `door.deadline`. It knows no clock, no bus and no asyncio."""
