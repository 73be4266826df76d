@echo off
rem Runs the tests on Windows, with all arguments passed on to pytest. Makes .venv with the test tools on first use.
setlocal
set "root=%~dp0.."
if not exist "%root%\.venv\Scripts\pytest.exe" (
    echo hellodl: making .venv and installing the test tools into it; this can take some minutes, but only once 1>&2
    python -m venv "%root%\.venv" 2>nul || py -3 -m venv "%root%\.venv" || exit /b 1
    "%root%\.venv\Scripts\python" -m pip install --quiet --disable-pip-version-check --editable "%root%[test]" 1>&2 || exit /b 1
)
cd /d "%root%"
.venv\Scripts\python -m pytest %*
exit /b %errorlevel%
