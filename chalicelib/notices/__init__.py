"""From what happened to what people read: compose and render are pure, the outbox and the channels do I/O."""
