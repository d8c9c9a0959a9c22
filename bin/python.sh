# Sourced by the programs that a host starts, for the one function in it.

# Sets `python` to what runs the modules of the folder `checkout`; fails where there is nothing,
# and says how to get it.
find_python() {
  python=${DRIVETRAIN_PYTHON:-}
  if [ -z "$python" ]; then
    for candidate in "$checkout/.venv/bin/python" "${CLAUDE_PLUGIN_DATA:+$CLAUDE_PLUGIN_DATA/venv/bin/python}"; do
      if [ -n "$candidate" ] && [ -x "$candidate" ]; then
        python=$candidate
        break
      fi
    done
  fi
  if [ -z "$python" ] || ! command -v -- "$python" >/dev/null 2>&1; then
    if [ -n "$python" ]; then
      printf 'error: DRIVETRAIN_PYTHON is %s, which is no program. ' "$python" >&2
    else
      printf 'error: Drivetrain is not installed yet. ' >&2
    fi
    printf 'Install it with: make -C "%s" install\n' "$checkout" >&2
    return 1
  fi
  PYTHONPATH=$checkout${PYTHONPATH:+:$PYTHONPATH}
  export PYTHONPATH
}
