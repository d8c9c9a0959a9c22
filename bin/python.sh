# Sourced by the programs that a host starts, for the one function in it.

# Sets `python` to what runs the modules of the folder `checkout`; fails where there is nothing,
# and says how to get it.
#
# Claude Code copies a plugin to plugins/cache/MARKETPLACE/PLUGIN/VERSION, anew for each version,
# and keeps plugins/data/PLUGIN-MARKETPLACE beside the copies. It names that folder to servers
# alone, so it is worked out here: what a run was started with must outlive the next version.
find_python() {
  plugin=${checkout%/*} market=${checkout%/*/*}
  install="make -C \"$checkout\" install" kept=''
  case ${market%/*} in
    */plugins/cache)
      data=data/${plugin##*/}-${market##*/}
      kept=${market%/cache/*}/$data/venv
      # Relative, as make splits a path at its spaces.
      install="$install VENV=../../../../$data/venv"
      ;;
  esac
  python=${DRIVETRAIN_PYTHON:-}
  if [ -z "$python" ]; then
    for venv in "$checkout/.venv" "${CLAUDE_PLUGIN_DATA:+$CLAUDE_PLUGIN_DATA/venv}" "$kept"; do
      if [ -n "$venv" ] && [ -x "$venv/bin/python" ]; then
        python=$venv/bin/python
        break
      fi
    done
    if [ -n "$python" ] && [ "$venv" = "$kept" ] &&
      ! cmp -s "$checkout/constraints.txt" "$venv/.installed"; then
      printf 'note: Drivetrain was updated, and what it needs was not. Do so with: %s\n' \
        "$install" >&2
    fi
  fi
  if [ -z "$python" ] || ! command -v -- "$python" >/dev/null 2>&1; then
    if [ -n "$python" ]; then
      printf 'error: DRIVETRAIN_PYTHON is %s, which is no program. ' "$python" >&2
    else
      printf 'error: Drivetrain is not installed yet. ' >&2
    fi
    printf 'Install it with: %s\n' "$install" >&2
    return 1
  fi
  PYTHONPATH=$checkout${PYTHONPATH:+:$PYTHONPATH}
  export PYTHONPATH
}
