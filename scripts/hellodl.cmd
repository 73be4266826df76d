@echo off
rem Runs hellodl from this checkout on Windows, with all arguments passed on. Makes .venv on first use.
setlocal
set "HELLODL_COMMAND=%~0"
call "%~dp0environment.cmd" run || exit /b 1
"%~dp0..\.venv\Scripts\hellodl.exe" %*
exit /b %errorlevel%
