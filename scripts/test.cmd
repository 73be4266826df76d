@echo off
rem Runs the tests on Windows, with all arguments passed on to pytest. Makes .venv with the test tools on first use.
setlocal
call "%~dp0environment.cmd" test [test] || exit /b 1
cd /d "%~dp0.."
.venv\Scripts\python.exe -m pytest -n 3 --dist loadfile --no-loadscope-reorder %*
exit /b %errorlevel%
