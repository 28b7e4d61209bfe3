//! Typed conditions, validated rule sets, evaluation.
