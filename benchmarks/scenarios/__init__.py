"""What the engine promises, played out with the whole product and judged by the sandbox."""
