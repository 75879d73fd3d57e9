"""Real-time sessions: mesibo's package, which is native code, kept in processes of its own."""
