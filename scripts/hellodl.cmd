@echo off
rem Runs hellodl from this checkout on Windows, with all arguments passed on. Makes .venv on first use.
setlocal
set "HELLODL_COMMAND=%~0"
set "root=%~dp0.."
if not exist "%root%\.venv\Scripts\hellodl.exe" (
    echo hellodl: making .venv and installing hellodl into it; this can take some minutes, but only once 1>&2
    python -m venv "%root%\.venv" 2>nul || py -3 -m venv "%root%\.venv" || exit /b 1
    "%root%\.venv\Scripts\python" -m pip install --quiet --disable-pip-version-check --editable "%root%" 1>&2 || exit /b 1
)
"%root%\.venv\Scripts\hellodl.exe" %*
exit /b %errorlevel%
