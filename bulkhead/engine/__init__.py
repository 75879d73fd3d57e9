"""The store and the verbs on it, each one Lua script: who may call next, and what became of it."""
