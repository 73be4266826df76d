@echo off
rem environment.cmd STAMP [EXTRA]: makes .venv beside this folder and keeps it up to date; talks on stderr only.
rem .venv\hellodl-STAMP is the pyproject.toml that was installed last; while it is the same, nothing is done.
rem .venv\hellodl-home names the folder that .venv was made for: it holds absolute paths, and serves no other.
setlocal
for %%d in ("%~dp0..") do set "root=%%~fd"
set "venv=%root%\.venv"
set home=""
if exist "%venv%\hellodl-home" set /p home=<"%venv%\hellodl-home"
if exist "%venv%\hellodl-home" if not %home%=="%root%" rmdir /s /q "%venv%"
fc /b "%root%\pyproject.toml" "%venv%\hellodl-%~1" >nul 2>nul && exit /b 0
echo hellodl: installing into .venv; this can take some minutes, but only once 1>&2
for %%p in (%PYTHON% python py) do (
    if not exist "%venv%\Scripts\python.exe" (
        %%p -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul && %%p -m venv "%venv%" 1>&2
    )
)
if not exist "%venv%\Scripts\python.exe" (
    echo hellodl: needs Python 3.11 or newer; install one, or say where it is: set PYTHON="C:\path to\python.exe" 1>&2
    exit /b 1
)
"%venv%\Scripts\python.exe" -m pip install --quiet --disable-pip-version-check --editable "%root%%~2" 1>&2 || exit /b 1
"%venv%\Scripts\python.exe" -m compileall -q "%root%\hellodl" 1>&2
>"%venv%\hellodl-home" echo "%root%"
copy /y "%root%\pyproject.toml" "%venv%\hellodl-%~1" >nul
exit /b %errorlevel%
