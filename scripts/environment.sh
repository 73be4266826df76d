# Makes .venv and keeps it up to date. Sourced by scripts/hellodl and scripts/test; talks on stderr only.
#
# In .venv, hellodl-home names the folder it was made in, and hellodl-run and hellodl-test are the pyproject.toml
# that was installed last, without and with the test tools. While hellodl-unfinished is there, .venv is being
# changed; if whoever did that was killed, the next one starts from an empty folder.

say() { printf 'hellodl: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# environment ROOT STAMP EXTRA: afterwards ROOT/.venv holds what ROOT/pyproject.toml asks for with EXTRA.
environment() {
    root=$1 venv=$1/.venv stamp=$1/.venv/hellodl-$2 extra=$3
    up_to_date || (update) </dev/null >&2
}

# This is all that a second use waits for: it starts no Python.
up_to_date() {
    [ -x "$venv/bin/python" ] && [ -x "$venv/bin/hellodl" ] && [ ! -e "$venv/hellodl-unfinished" ] &&
        [ -e "$venv/hellodl-home" ] && made_here && cmp -s "$root/pyproject.toml" "$stamp"
}

# A .venv holds absolute paths, so it serves only the folder that it was made in.
made_here() { read -r home <"$venv/hellodl-home" && [ "$home" = "$root" ]; }

update() {
    trap 'exit 130' INT
    python=$(find_python)
    wait_for_turn
    ! up_to_date || return 0 # somebody else has just done it
    usable || make_venv
    install_hellodl
}

# Print the first Python that will do.
find_python() {
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"
    else set -- python3.14 python3.13 python3.12 python3.11 python3; fi
    incomplete=
    for python in "$@"; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$python"
            return
        fi
        incomplete=${incomplete:-$python}
    done
    [ -z "$incomplete" ] || fail "$incomplete cannot make virtual environments: its module venv or ensurepip" \
        "is missing; on Debian or Ubuntu: apt install python3-venv"
    fail "needs Python 3.11 or newer, found $("${PYTHON:-python3}" --version 2>/dev/null || echo none);" \
        "install one, or say where it is: PYTHON=/path/to/python3"
}

# Hold pyproject.toml locked until this shell and all it starts have ended, however they end.
wait_for_turn() {
    exec 9<>"$root/pyproject.toml"
    lock 'fcntl.LOCK_EX | fcntl.LOCK_NB' && return
    say "another one is working on .venv, waiting for it"
    lock fcntl.LOCK_EX || say "this disk knows no locks, going on"
}

lock() { "$python" -c "import fcntl; fcntl.flock(9, $1)" 2>/dev/null; }

# Whether the .venv that is there can be built upon.
usable() {
    [ ! -e "$venv/hellodl-unfinished" ] && { [ ! -e "$venv/hellodl-home" ] || made_here; } &&
        "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Only what was made here is emptied: no link to another folder's, no environment of somebody's own.
make_venv() {
    if [ -x "$venv/bin/python" ] && [ ! -e "$venv/hellodl-unfinished" ] &&
        { [ -L "$venv" ] || [ ! -e "$venv/hellodl-home" ]; }; then
        fail "$venv: is not one that this script made, and lacks pip or Python 3.11; move it away, or install" \
            "hellodl into it"
    fi
    say "making .venv with $("$python" --version)"
    mkdir -p "$venv"
    : >"$venv/hellodl-unfinished"
    find "$venv" -mindepth 1 -maxdepth 1 ! -name hellodl-unfinished -exec rm -rf {} +
    "$python" -m venv "$venv"
}

install_hellodl() {
    say "installing hellodl${extra:+ and its test tools} into .venv; this can take some minutes, but only once"
    : >"$venv/hellodl-unfinished"
    cp "$root/pyproject.toml" "$stamp.new" # as it is now: it may change meanwhile
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root$extra"; then
        rm "$venv/hellodl-unfinished" # pip ended by itself, and left what was there before
        fail "pip could not install hellodl, see above; with a network connection, run this again"
    fi
    # pip compiles what it installs, not what it links to; where PYTHONDONTWRITEBYTECODE is set, every start would.
    "$venv/bin/python" -m compileall -q "$root/hellodl" || say "hellodl's folder cannot be written, going on"
    printf '%s\n' "$root" >"$venv/hellodl-home"
    mv "$stamp.new" "$stamp"
    rm "$venv/hellodl-unfinished"
}
